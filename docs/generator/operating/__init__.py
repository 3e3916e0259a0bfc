"""Pages for who runs it: what is kept about people, and under which licences the images are."""

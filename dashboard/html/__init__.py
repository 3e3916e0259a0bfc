"""What all pages have in common: templates, languages, headers, who may post, files that browsers load."""

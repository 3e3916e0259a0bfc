"""Why an alert fires: growth by theme and term, the escalation score, annotations, links."""

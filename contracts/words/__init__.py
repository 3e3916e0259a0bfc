"""What every part knows of languages: tags and function words."""

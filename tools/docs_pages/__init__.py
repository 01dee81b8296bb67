"""What the pages of the reference and the plugin catalogue say, read from the code they describe."""

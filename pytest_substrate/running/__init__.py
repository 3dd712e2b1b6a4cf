"""What pytest asks of the plugin, hook by hook: options, start, collection, distribution, outputs and ending."""

"""The deliveries: posting a due message to the application."""

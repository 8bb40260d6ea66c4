"""What is kept, in SQL: one port (`port.Database`), two backends, and the flows that run on both."""

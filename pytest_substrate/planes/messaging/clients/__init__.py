"""What is known of Kafka clients: which versions of which API each release asks for. Data, one file a client."""

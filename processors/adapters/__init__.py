"""Kafka, MQTT, PostgreSQL and Faust of the server side."""

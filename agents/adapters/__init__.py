"""Sound card, spool and MQTT client of the device."""

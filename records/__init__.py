"""What is known: read-only questions to the database, by API, dashboard, notebooks.

Each module asks about one thing. Its functions take a `Reader` and return rows as named tuples
(`pandas.DataFrame(rows, columns=Row._fields)`) or as the messages that the processors publish.
"""

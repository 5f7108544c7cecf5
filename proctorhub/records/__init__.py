"""What is stored: MongoEngine documents, their indexes, and the files in GridFS."""

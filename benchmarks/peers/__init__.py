"""What our processors are compared with: the same jobs, each library's own way."""

"""The job runner: what must happen without anybody asking. One owner, one module for each job."""

"""What every process shows of itself: metrics and health over HTTP."""

"""What a message is: labels with calibrated probabilities, learnt from examples."""

"""What can be claimed of trials and how claims are judged; knows nothing of any particular paper."""

"""Pictures as data: emoji, photographs and folders, the statistics of their patches, and a multi-scale GAN for whole ones."""

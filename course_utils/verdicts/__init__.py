"""Les exercices de chaque notebook : un module `nbNN` par notebook, qui définit `EXERCISES`."""

"""Le dessin des figures, du trait à la planche ; les notebooks importent `course_utils.figures`."""

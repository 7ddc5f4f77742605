def frontier(costs, accuracies):
    """Les numéros des points que nul autre ne bat, du moins cher au plus cher."""
    points = list(zip(costs, accuracies, strict=True))

    def beaten(i):
        return any(c <= costs[i] and a >= accuracies[i] and (c, a) != points[i] for c, a in points)

    return sorted((i for i in range(len(points)) if not beaten(i)), key=lambda i: costs[i])

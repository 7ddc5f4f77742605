"""Un réseau que les cas d'un exercice montrent en quelques mots."""

from course_utils import models


class ShortNet(models.StagedNet):
    """Un réseau des cas, qui s'écrit en quelques mots dans un verdict."""

    def __init__(self, network: models.StagedNet, words: str) -> None:
        super().__init__(network.stem, list(network.stages), network.pool, network.head)
        self.words = words

    def __repr__(self) -> str:
        return self.words

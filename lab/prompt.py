"""Les réponses du noyau, envoyées au navigateur dès qu'elles sont prêtes."""

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """La connexion habituelle, sans l'algorithme de Nagle.

    Un curseur déplacé fait partir plusieurs petits messages. Avec cet algorithme, le deuxième attend que le navigateur
    ait accusé réception du premier, ce qu'il peut ne faire que 40 ms plus tard : l'image arriverait en retard.
    """

    def connect(self) -> Any:
        """Ouvre la connexion au noyau."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()

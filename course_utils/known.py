"""Les jeux d'images que le cours sait trouver par leur nom : classes en français, normalisation, empreintes."""

from dataclasses import dataclass
from pathlib import Path

PROJECT_DATA = Path(__file__).resolve().parent.parent / "data"
LAB_FOLDER = Path("/opt/img/effdl-cifar10")  # CIFAR-10 sur les machines de la salle de cours


@dataclass(frozen=True)
class Known:
    """Ce qu'il faut savoir d'un jeu pour le trouver et le lire."""

    title: str
    reader: str  # la classe de torchvision.datasets qui sait le lire
    folder: str  # le dossier où torchvision le range
    megabytes: int  # ce qu'il faut télécharger
    classes: tuple[str, ...]
    mean: tuple[float, ...]  # par canal, sur l'échelle 0 à 1, calculés sur l'apprentissage
    std: tuple[float, ...]


FASHION_CLASSES = (
    "T-shirt", "pantalon", "pull", "robe", "manteau", "sandale", "chemise", "basket", "sac", "bottine",
)  # fmt: skip
CIFAR10_CLASSES = (
    "avion", "automobile", "oiseau", "chat", "cerf", "chien", "grenouille", "cheval", "bateau", "camion",
)  # fmt: skip
# Dans l'ordre du jeu, qui est l'ordre alphabétique des noms anglais : de « apple » à « worm ».
CIFAR100_CLASSES = (
    "pomme", "poisson d'aquarium", "bébé", "ours", "castor", "lit", "abeille", "scarabée", "vélo", "bouteille",
    "bol", "garçon", "pont", "bus", "papillon", "chameau", "boîte de conserve", "château", "chenille", "bétail",
    "chaise", "chimpanzé", "horloge", "nuage", "cafard", "canapé", "crabe", "crocodile", "tasse", "dinosaure",
    "dauphin", "éléphant", "poisson plat", "forêt", "renard", "fille", "hamster", "maison", "kangourou", "clavier",
    "lampe", "tondeuse", "léopard", "lion", "lézard", "homard", "homme", "érable", "moto", "montagne",
    "souris", "champignon", "chêne", "orange", "orchidée", "loutre", "palmier", "poire", "pick-up", "pin",
    "plaine", "assiette", "coquelicot", "porc-épic", "opossum", "lapin", "raton laveur", "raie", "route", "fusée",
    "rose", "mer", "phoque", "requin", "musaraigne", "mouffette", "gratte-ciel", "escargot", "serpent", "araignée",
    "écureuil", "tramway", "tournesol", "poivron", "table", "char", "téléphone", "télévision", "tigre", "tracteur",
    "train", "truite", "tulipe", "tortue", "armoire", "baleine", "saule", "loup", "femme", "ver",
)  # fmt: skip

CIFAR10_SCALE = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
CIFAR100_SCALE = ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))

KNOWN = {
    "fashion-mnist": Known("Fashion-MNIST", "FashionMNIST", "FashionMNIST", 31, FASHION_CLASSES, (0.2860,), (0.3530,)),
    "mnist": Known("MNIST", "MNIST", "MNIST", 12, tuple("0123456789"), (0.1307,), (0.3081,)),
    "cifar10": Known("CIFAR-10", "CIFAR10", "cifar-10-batches-py", 170, CIFAR10_CLASSES, *CIFAR10_SCALE),
    "cifar100": Known("CIFAR-100", "CIFAR100", "cifar-100-python", 169, CIFAR100_CLASSES, *CIFAR100_SCALE),
}

# Les jeux au format IDX tiennent en quatre fichiers. Taille et SHA-256 sont ceux du fichier décompressé, donc
# des images elles-mêmes : une copie compressée par un autre outil reste bonne.
IDX_SIZES = {
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}
IDX_SHA256 = {
    "fashion-mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
}

from service.sample.vocabulary.home import BATHROOM, BEDDING, KITCHEN
from service.sample.vocabulary.household import PETS, TOOLS, TOYS
from service.sample.vocabulary.leisure import AUDIO, FITNESS, TRAVEL
from service.sample.vocabulary.open_air import CYCLING, GARDEN, OUTDOOR
from service.sample.vocabulary.rooms import FURNITURE, LIGHTING, OFFICE

CATEGORIES = (
    AUDIO,
    BATHROOM,
    BEDDING,
    CYCLING,
    FITNESS,
    FURNITURE,
    GARDEN,
    KITCHEN,
    LIGHTING,
    OFFICE,
    OUTDOOR,
    PETS,
    TOOLS,
    TOYS,
    TRAVEL,
)

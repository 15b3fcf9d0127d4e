from service.sample.vocabulary.shape import Category, Kind

KITCHEN = Category(
    slug="kitchen",
    weight=12,
    places=(
        "in a busy family kitchen",
        "in a compact galley kitchen",
        "on an open shelf",
        "next to a well-used stove",
    ),
    closers=(
        "A practical gift for anyone who loves to cook.",
        "Wash by hand in warm soapy water and dry straight away.",
        "Everyday cooking is quicker when the right things are within reach.",
        "It stores neatly in a drawer or a cupboard between meals.",
    ),
    kinds=(
        Kind(
            nouns={
                "bread board": "slicing crusty loaves and baguettes",
                "chopping board": "preparing vegetables and fresh herbs",
                "serving board": "bringing cheese and fruit to the table",
                "carving board": "portioning a Sunday roast",
            },
            materials=("bamboo", "beech", "oak", "walnut"),
            sizes=("30 cm", "38 cm", "45 cm"),
            price=(18, 75),
            features=(
                "a shallow groove along the edge that catches juices",
                "a generous hole for hanging it up",
                "rounded corners that are pleasant to hold",
                "a finger recess on both short sides",
            ),
        ),
        Kind(
            nouns={
                "frying pan": "searing fish and turning omelettes",
                "griddle pan": "grilling steaks and courgettes indoors",
                "saucepan": "simmering soups and stocks",
                "wok": "tossing noodles over high heat",
            },
            materials=("aluminium", "carbon steel", "stainless steel", "copper"),
            sizes=("20 cm", "24 cm", "28 cm"),
            price=(24, 140),
            features=(
                "a thick base that spreads heat evenly",
                "a long riveted handle with a hanging loop",
                "a rim shaped for pouring without drips",
                "a weight that stays manageable when full",
            ),
        ),
        Kind(
            nouns={
                "storage jar": "keeping flour, rice and pasta dry",
                "biscuit jar": "guarding the last of the shortbread",
                "tea caddy": "keeping loose leaves fragrant",
                "sugar pot": "having something sweet ready at breakfast",
            },
            materials=("glass", "enamel", "stoneware", "porcelain"),
            sizes=("0.5 litre", "1 litre", "2 litre"),
            price=(8, 42),
            features=(
                "an airtight lid with a silicone seal",
                "a wide mouth that is easy to fill and clean",
                "a straight-sided shape that saves shelf space",
                "a small panel for a handwritten label",
            ),
        ),
        Kind(
            nouns={
                "chef's knife": "dicing onions and mincing garlic",
                "paring knife": "peeling apples and trimming beans",
                "santoku knife": "slicing tomatoes and boneless meat",
                "boning knife": "preparing poultry and whole fish",
            },
            materials=("stainless steel", "carbon steel", "damascus steel"),
            colours=("black", "olive", "natural wood"),
            price=(22, 165),
            features=(
                "a full tang for balance and strength",
                "a handle that stays secure in wet hands",
                "an edge that is easy to sharpen at home",
                "a protective sleeve for the drawer",
            ),
        ),
    ),
)

BATHROOM = Category(
    slug="bathroom",
    weight=6,
    places=("in a calm, uncluttered bathroom", "in a narrow en-suite", "next to a freestanding tub"),
    closers=(
        "Guests will feel looked after from the first morning.",
        "A small change that makes the daily routine more pleasant.",
        "Matching pieces are available if you are furnishing the whole room.",
    ),
    kinds=(
        Kind(
            nouns={
                "bath towel": "drying off after a long soak",
                "hand towel": "keeping beside the basin",
                "bath mat": "stepping onto after a shower",
                "bathrobe": "wrapping up on slow mornings",
            },
            materials=("waffle cotton", "terry cotton", "organic cotton", "linen"),
            colours=("white", "sand", "sage green", "slate grey", "dusty rose"),
            price=(12, 85),
            features=(
                "a woven loop for hanging",
                "double-stitched hems that survive hundreds of washes",
                "a weight that dries quickly on a rail",
                "colour that stays true at 60 degrees",
            ),
        ),
        Kind(
            nouns={
                "soap dish": "keeping a bar dry between uses",
                "toothbrush tumbler": "holding brushes upright by the sink",
                "lotion dispenser": "measuring out hand cream or liquid soap",
                "storage tray": "gathering bottles and brushes in one spot",
            },
            materials=("bamboo", "ceramic", "brass", "marble"),
            sizes=("small", "medium", "large"),
            price=(9, 58),
            features=(
                "non-slip pads underneath",
                "a surface that wipes clean in seconds",
                "a slim outline that suits narrow ledges",
                "softened edges without a seam",
            ),
        ),
        Kind(
            nouns={
                "towel rail": "airing wet laundry between washes",
                "corner shelf": "keeping shampoo off the floor",
                "robe hook": "hanging a dressing gown within reach",
                "toilet roll holder": "storing a spare where it is needed",
            },
            materials=("aluminium", "stainless steel", "brass"),
            sizes=("single", "double"),
            price=(14, 96),
            features=(
                "concealed fixings for a clean look",
                "a finish that resists limescale",
                "screws and plugs for tiled walls",
                "a template that makes drilling simple",
            ),
        ),
    ),
)

BEDDING = Category(
    slug="bedding",
    weight=7,
    places=("in a quiet guest room", "under a sloping attic roof", "in a bright main bedroom"),
    closers=(
        "A good night often starts with the right fabric.",
        "It arrives in a reusable fabric bag.",
        "Air it for an hour before the first night.",
        "An easy way to refresh a bedroom for the new season.",
    ),
    kinds=(
        Kind(
            nouns={
                "duvet cover": "sleeping comfortably all year",
                "fitted sheet": "keeping a deep mattress smooth",
                "flat sheet": "making up a crisp, layered bed",
                "mattress protector": "guarding against spills and wear",
            },
            materials=("cotton percale", "organic cotton", "cotton sateen", "washed linen"),
            sizes=("single", "double", "king-size", "super-king"),
            price=(24, 189),
            features=(
                "generous seams that hold their shape",
                "a soft hand from the first night",
                "a label that marks the long side",
                "fabric tested for harmful substances",
            ),
        ),
        Kind(
            nouns={
                "throw": "curling up on the sofa",
                "blanket": "adding warmth on cold evenings",
                "bedspread": "covering the bed neatly by day",
                "quilt": "layering through spring and autumn",
            },
            materials=("recycled cotton", "merino wool", "lambswool", "alpaca"),
            colours=("oatmeal", "charcoal", "moss green", "rust", "navy"),
            price=(35, 229),
            features=(
                "a border stitched by hand",
                "an open structure that breathes",
                "generous proportions for two",
                "a texture that hides the odd crease",
            ),
        ),
        Kind(
            nouns={
                "pillow": "supporting the neck of side sleepers",
                "bolster": "propping yourself up with a novel",
                "cushion": "softening a headboard or window seat",
                "travel pillow": "resting well away from home",
            },
            materials=("microfibre", "memory foam", "natural latex", "goose down"),
            sizes=("soft", "medium", "firm"),
            price=(15, 110),
            features=(
                "a removable cotton cover",
                "a core that springs back into shape",
                "hidden piping around the edge",
                "a filling suitable for sensitive skin",
            ),
        ),
    ),
)

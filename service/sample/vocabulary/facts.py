from collections.abc import Mapping

# Whole sentences, each true of its material in whatever product it appears.
MATERIAL_FACTS: Mapping[str, tuple[str, ...]] = {
    "alpaca": (
        "Alpaca is warmer than sheep's wool and contains no lanolin.",
        "Alpaca fibre is soft, light and slow to crease.",
    ),
    "aluminium": (
        "Aluminium keeps the weight down without giving up strength.",
        "Aluminium does not rust and can be recycled endlessly.",
    ),
    "ash": (
        "Ash has a lively grain and a light, warm tone.",
        "Ash is springy, which is why tool makers have always valued it.",
    ),
    "bamboo": (
        "Bamboo grows back within a few years of being cut.",
        "Bamboo is harder than many hardwoods and copes well with damp air.",
    ),
    "beech": ("Beech is dense, even and pleasant to touch.",),
    "birch plywood": (
        "Birch plywood stays flat where solid timber would move.",
        "The striped edge of birch plywood is left visible on purpose.",
    ),
    "boucle": (
        "Boucle has a looped texture that is forgiving in daily use.",
        "The curled yarn of boucle feels soft and looks relaxed.",
    ),
    "braided nylon": (
        "Braided nylon is strong for its weight and dries fast.",
        "Braided nylon stays supple in cold and wet weather.",
    ),
    "brass": (
        "Brass develops a mellow patina if you leave it unpolished.",
        "Solid brass has a reassuring weight in the hand.",
    ),
    "carbon steel": (
        "Carbon steel is tough and responds well to a little care.",
        "Carbon steel darkens gradually and gains character with use.",
    ),
    "cast iron": (
        "Cast iron packs a lot of weight into a small shape.",
        "Cast iron is practically indestructible in normal use.",
    ),
    "ceramic": (
        "Ceramic keeps its colour and will not warp.",
        "Each ceramic piece is glazed by hand, so small differences are normal.",
    ),
    "chrome vanadium": (
        "Chrome vanadium steel resists both wear and corrosion.",
        "Hardened chrome vanadium flexes slightly before it would ever break.",
    ),
    "copper": (
        "Copper changes tone with the years and can be polished back.",
        "Copper has been prized by craftspeople for centuries.",
    ),
    "corduroy": (
        "Corduroy is thick, soft and hard to wear out.",
        "The ribs of corduroy give it depth and warmth.",
    ),
    "cork": (
        "Cork is harvested without felling the tree.",
        "Cork is naturally warm, quiet and water-repellent.",
    ),
    "corten steel": (
        "Corten steel forms a stable layer of rust that protects the metal below.",
        "The orange surface of corten steel deepens over the first year.",
    ),
    "cotton canvas": (
        "Cotton canvas is sturdy at first and softens with every outing.",
        "A dense cotton canvas stands up to years of handling.",
    ),
    "cotton percale": (
        "Cotton percale feels cool, crisp and light.",
        "The simple weave of cotton percale lets air through.",
    ),
    "cotton sateen": (
        "Cotton sateen drapes well and has a gentle sheen.",
        "Cotton sateen feels smooth and slightly heavier than percale.",
    ),
    "damascus steel": (
        "No two patterns in damascus steel are the same.",
        "Layered damascus steel combines a hard core with a tough outside.",
    ),
    "enamel": (
        "Enamel is hygienic, light and easy to clean.",
        "Enamel on steel keeps neither smells nor stains.",
    ),
    "fibre clay": (
        "Fibre clay looks like stone at a third of the weight.",
        "Fibre clay is frost-proof and slow to dry out.",
    ),
    "forged bronze": (
        "Forged bronze never rusts and slides easily through clay soil.",
        "Forged bronze keeps its edge and turns a deep golden brown.",
    ),
    "forged steel": (
        "Forged steel follows the shape of the tool and is stronger for it.",
        "Drop-forged steel takes knocks that would bend cheaper metal.",
    ),
    "galvanised steel": (
        "Galvanised steel can stay out in the rain.",
        "The zinc layer on galvanised steel protects it for decades.",
    ),
    "glass": (
        "Glass adds no taste and shows at once what is running low.",
        "Clear glass goes in the dishwasher and comes out like new.",
    ),
    "goose down": (
        "Goose down is wonderfully light for the warmth it gives.",
        "Responsibly sourced goose down regains its volume with a shake.",
    ),
    "kraft paper": (
        "Unbleached kraft paper is strong and has a friendly brown tone.",
        "Kraft paper shows off white ink and soft pencil.",
    ),
    "lambswool": (
        "Lambswool is soft, springy and naturally dirt-repellent.",
        "Lambswool keeps you warm even when the air is damp.",
    ),
    "leather": (
        "Vegetable-tanned leather grows darker and softer with use.",
        "Full-grain leather shows small natural marks that make each one unique.",
    ),
    "leather-bound": (
        "The leather cover picks up a personal patina.",
        "A leather cover protects the pages in a full bag.",
    ),
    "leather-trimmed": ("The leather trim is soft against the skin.",),
    "linen": (
        "Linen absorbs moisture quickly and dries even faster.",
        "Linen becomes softer with each wash and lasts for decades.",
    ),
    "linen-bound": (
        "The linen cover has a fine, matt texture.",
        "A linen cover stays handsome after months in a bag.",
    ),
    "maple": (
        "Maple is pale, smooth and very hard.",
        "Close-grained maple resists dents better than most timbers.",
    ),
    "marble": (
        "Every piece of marble has its own veining.",
        "Marble stays cool and has a satisfying heft.",
    ),
    "memory foam": (
        "Memory foam shapes itself to you and spreads pressure.",
        "Open-cell memory foam lets warmth escape.",
    ),
    "merino wool": (
        "Merino wool regulates temperature and does not itch.",
        "Merino wool stays fresh for days between washes.",
    ),
    "microfibre": (
        "Microfibre is easy to care for and quick to dry.",
        "Microfibre is soft, light and friendly to sensitive skin.",
    ),
    "natural latex": (
        "Natural latex is elastic, durable and tapped from living trees.",
        "Natural latex returns to its shape time after time.",
    ),
    "natural rubber": (
        "Natural rubber grips well and cushions every move.",
        "Natural rubber is tapped from trees and free of PVC.",
    ),
    "oak": (
        "Oak is hard-wearing and deepens in colour over the years.",
        "Oak from certified European forests keeps the journey short.",
    ),
    "opal glass": (
        "Mouth-blown opal glass spreads an even, gentle light.",
        "Opal glass looks like fresh snow even when switched off.",
    ),
    "organic cotton": (
        "Organic cotton is grown without synthetic pesticides.",
        "Certified organic cotton is kind to skin and soil.",
    ),
    "paper": ("Layered paper gives a light that flatters every room.",),
    "pine": (
        "Pine is light, affordable and full of character.",
        "Knots in the pine make every piece different.",
    ),
    "polycotton": (
        "Polycotton breathes well and swells slightly to keep water out.",
        "Polycotton is quieter in the wind than pure synthetics.",
    ),
    "polyester": (
        "Tightly woven polyester holds its colour in strong sun.",
        "Polyester dries in a moment and hardly stretches when wet.",
    ),
    "porcelain": (
        "Porcelain is thin, strong and brilliantly white.",
        "Porcelain fired at high temperature resists chips and stains.",
    ),
    "powder-coated steel": (
        "Powder-coated steel resists scratches and rust.",
        "The powder coating has a fine matt texture that hides fingerprints.",
    ),
    "rattan": (
        "Rattan is woven by hand and throws a lively pattern of shadow.",
        "Rattan is light, flexible and fast to grow back.",
    ),
    "recycled card": (
        "Thick recycled card feels solid and does not curl.",
        "Recycled card from local mills keeps waste out of landfill.",
    ),
    "recycled cotton": (
        "Recycled cotton turns offcuts from the mill into something new.",
        "Recycled cotton saves water and has a pleasantly rustic texture.",
    ),
    "recycled foam": (
        "Recycled foam is light and springs back after each session.",
        "The recycled foam is made from production offcuts.",
    ),
    "recycled leather": (
        "Recycled leather is pressed from offcuts of the shoe trade.",
        "Recycled leather is uniform, supple and easy to wipe.",
    ),
    "recycled nylon": (
        "Recycled nylon gives old fishing nets a second life.",
        "Recycled nylon resists abrasion as well as the original.",
    ),
    "recycled paper": (
        "Recycled paper with a soft tint is easy on the eyes.",
        "The recycled paper is smooth, opaque and free of chlorine.",
    ),
    "recycled plastic": (
        "Recycled plastic is tough, light and simple to clean.",
        "The recycled plastic was once packaging and can return as something else.",
    ),
    "recycled polyester": (
        "Recycled polyester is spun from used drinks bottles.",
        "Recycled polyester is durable, light and quick to dry.",
    ),
    "ripstop nylon": (
        "Ripstop nylon stops small tears from spreading.",
        "Ripstop nylon is remarkably strong for something so thin.",
    ),
    "rubber-coated": (
        "The rubber coating protects floors and dampens noise.",
        "A thick rubber coating gives a sure grip.",
    ),
    "stainless steel": (
        "Stainless steel shrugs off rust, stains and rough treatment.",
        "Brushed stainless steel stays good-looking with very little care.",
    ),
    "stoneware": (
        "Stoneware is dense, robust and pleasantly heavy.",
        "The speckled glaze makes each piece of stoneware a little different.",
    ),
    "synthetic rubber": (
        "Synthetic rubber shrugs off sweat, sun and rain.",
        "Synthetic rubber keeps its grip in heat and cold.",
    ),
    "terracotta": (
        "Terracotta lets roots breathe and looks better every summer.",
        "Terracotta fired in the traditional way has a warm, uneven tone.",
    ),
    "terry cotton": (
        "Terry cotton is thick, absorbent and soft.",
        "The long loops of terry cotton soak up water at once.",
    ),
    "titanium": (
        "Titanium is as strong as steel at about half the weight.",
        "Titanium never rusts and lasts practically for ever.",
    ),
    "velvet": (
        "Velvet catches the light and feels luxurious.",
        "The short pile of this velvet is tested for heavy wear.",
    ),
    "vinyl-coated": (
        "The vinyl coating is quiet and easy to wipe down.",
        "A vinyl coating keeps the metal from marking floors.",
    ),
    "waffle cotton": (
        "Waffle cotton is light, absorbent and quick to dry.",
        "The honeycomb weave of waffle cotton gives a gentle massage.",
    ),
    "walnut": (
        "Walnut has a rich, dark grain that needs no stain.",
        "Oiled walnut feels silky and looks expensive for good reason.",
    ),
    "washed linen": (
        "Washed linen is relaxed, breathable and never needs ironing.",
        "Washed linen feels cool in summer and cosy in winter.",
    ),
    "waxed canvas": (
        "Waxed canvas keeps rain out and tells its own story in creases.",
        "Waxed canvas can be re-proofed at home with a little heat.",
    ),
    "waxed cotton": (
        "Waxed cotton sheds water and softens with wear.",
        "Waxed cotton can be renewed once a year with a tin of dressing.",
    ),
}

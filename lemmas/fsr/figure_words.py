"""Names that the statements on figures and their drawings share."""

BEFORE, AFTER, TARGET = "before", "after", "target"
RATES, PAIRS, TRIPLES = "rates", "pairs", "triples"
KINDS = (RATES, PAIRS, TRIPLES)
WORDS = {RATES: "channel", PAIRS: "pair", TRIPLES: "triple"}
BINS = 13  # of the histograms: number i is 2^-i up to a factor of 2^(1/2); the last one also has what is rarer
BIN = "{kind}_{stage}_{bin}"

DISTANCE, FLOOR = "distance_{level}_{order}_{time}", "floor_{level}_{order}"  # of moments

TURNED, LEARNED = "turned", "learned"  # where joint training starts

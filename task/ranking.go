package task

import "math"

// Where there are two classes, one answer that wins everywhere leaves none to leave out, but the
// scores may be as they were: whoever moves the threshold reads them, without training.

// Ranking is how far the scores of a model with two classes tell these apart, whatever the
// threshold.
type Ranking struct {
	Known bool    // whether there are two classes, and samples of both
	AUC   float64 // area under the ROC curve of the difference of the scores; 0.5 tells nothing
	Luck  float64 // what Beyond may be of a model that knows nothing
}

// Beyond returns |2·AUC - 1|: 0 for scores that tell nothing, 1 for those that tell all, and be it
// that the classes are exchanged.
func (r Ranking) Beyond() float64 {
	if !r.Known {
		return 0
	}
	return math.Abs(2*r.AUC - 1)
}

// mostRanked bounds the answers that a ranking looks at: each sum of ranks sorts them.
const mostRanked = 1 << 16

// rankingOf returns the ranking of answers with two scores each.
func rankingOf(list []ranked, c *Counts) Ranking {
	if len(c.Labelled) != 2 {
		return Ranking{}
	}
	step := 1 + len(list)/mostRanked
	var x, y []float32
	positive := 0
	for i := 0; i < len(list); i += step {
		x, y = append(x, list[i].margin), append(y, float32(list[i].label))
		positive += int(list[i].label)
	}
	auc, ok := areaUnderROC(x, y)
	if !ok {
		return Ranking{}
	}
	return Ranking{true, auc, rankingLuck(positive, len(x)-positive)}
}

// metrics returns the ranking as a metric, if it is known.
func (r Ranking) metrics() []Metric {
	if !r.Known {
		return nil
	}
	return []Metric{{Name: "AUC", Value: r.AUC, Useless: 0.5}}
}

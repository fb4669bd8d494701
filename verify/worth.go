package verify

// Consequences say what somebody gets who has a locked model and something else.
type Consequences struct {
	Holder string `json:"holder"` // has
	Gets   string `json:"gets"`
}

// worth is the table of THREAT-MODEL.md, which a test compares with it.
var worth = []struct{ holder, minimal, sealed string }{
	{"the file alone", "answers as good as guesses", "answers as good as guesses"},
	{"the file and knowledge of this program", "most of the model: changed values stand out by size and gradient", "the architecture, and how large the weights of each layer are (of each channel, if the model is quantised by channel)"},
	{"a hundred samples or more", "the model, in seconds", "what training from scratch reaches with them"},
	{"much training data", "the model", "what training from scratch reaches: a network of its own"},
	{"the public model that this one was tuned from", "the model, without training", "the public model, what tuning it reaches, and the knowledge that it is the base model"},
	{"the original's answers (a service)", "the model", "what a copy trained on the answers reaches"},
	{"a part of the original's weights", "the model", "these weights"},
	{"another model, sealed with another key", "nothing more", "nothing more"},
	{"the key", "the model", "the model"},
	{"the memory of a process that runs the unlocked model", "the model", "the model"},
}

// Worth says in words what a lock of a profile is worth, "minimal" or "sealed"; nil for
// others.
func Worth(profile string) []Consequences {
	var list []Consequences
	for _, w := range worth {
		switch profile {
		case "minimal":
			list = append(list, Consequences{w.holder, w.minimal})
		case "sealed":
			list = append(list, Consequences{w.holder, w.sealed})
		}
	}
	return list
}

// guesses is the quality beyond chance below which a model is as good as guesses. It is that
// from which protect warns of luck.
const guesses = 0.2

// AsGuesses reports whether a model of some quality is about as good as guesses, which have
// the quality chance.
func AsGuesses(quality, chance float64) bool { return quality-chance < guesses }

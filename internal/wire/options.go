package wire

import (
	"time"

	"github.com/advparams/advparams"
)

// Inputs asks for the files a model consists of.
type Inputs struct {
	Model string `json:"model"`
	// NamesOnly asks only for the names of the external data files, relative to
	// the model's folder. They need not be there.
	NamesOnly bool `json:"names_only,omitempty"`
}

// File is a file of a model.
type File struct {
	Path     string    `json:"path"`
	Size     int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	SHA256   string    `json:"sha256"`
}

// Data says which samples to take and how to prepare them.
type Data struct {
	Path  string  `json:"path,omitempty"`
	Split string  `json:"split,omitempty"`
	Limit int     `json:"limit,omitempty"`
	Seed  *uint64 `json:"seed,omitempty"`
	// Preset, Preprocess and Classes say how images are prepared.
	Preset     string               `json:"preset,omitempty"`
	Preprocess advparams.Preprocess `json:"preprocess,omitzero"`
	Classes    []string             `json:"classes,omitempty"`
	Labels     string               `json:"labels,omitempty"` // data or model
	Task       string               `json:"task,omitempty"`
	Output     string               `json:"output,omitempty"` // of the model
}

// Seal says for whom a key is sealed.
type Seal struct {
	Recipients      []string `json:"recipients,omitempty"`
	RecipientsFiles []string `json:"recipients_files,omitempty"`
	Passphrase      bool     `json:"passphrase,omitempty"` // from the environment
	Plain           bool     `json:"plain,omitempty"`
}

// Protect asks to lock a model and to write its key.
type Protect struct {
	Model  string `json:"model"`
	Output string `json:"output"`
	Key    string `json:"key"`
	// KeepOldKey gives a key that exists another name.
	KeepOldKey bool   `json:"keep_old_key,omitempty"`
	Seal       Seal   `json:"seal"`
	Data       Data   `json:"data"`
	Search     Search `json:"search"`
}

// Search says which parameters change, and how far the search goes.
type Search struct {
	Profile      string        `json:"profile,omitempty"`
	Share        float64       `json:"share,omitempty"` // of the parameters that are encrypted, likewise
	SealScales   bool          `json:"seal_scales,omitempty"`
	Samples      *int          `json:"samples,omitempty"`
	Target       float64       `json:"target,omitempty"` // accuracy; 0: chance
	MaxParams    int           `json:"max_params,omitempty"`
	TimeLimit    time.Duration `json:"time_limit,omitempty"`
	Include      []string      `json:"include,omitempty"`
	Exclude      []string      `json:"exclude,omitempty"`
	Bounds       string        `json:"bounds,omitempty"`
	AllowPartial bool          `json:"allow_partial,omitempty"`
}

// Verify asks to measure a locked model beside its original.
type Verify struct {
	Locked     string   `json:"locked"`
	Original   string   `json:"original"`
	Key        string   `json:"key,omitempty"`
	Identities []string `json:"identities,omitempty"`
	Data       Data     `json:"data"`
	Report     string   `json:"report,omitempty"` // the page to write
}

// Attack asks to attack a locked model.
type Attack struct {
	Locked     string   `json:"locked"`
	Key        string   `json:"key,omitempty"`
	Identities []string `json:"identities,omitempty"`
	Data       Data     `json:"data"` // the attacker's
	Test       string   `json:"test"` // path of the samples to measure on
	Notes      string   `json:"notes,omitempty"`
	Report     string   `json:"report,omitempty"`
	Trials     Trials   `json:"trials"`
}

// Trials say what an attacker tries.
type Trials struct {
	TestLimit int           `json:"test_limit,omitempty"`
	Fraction  float64       `json:"fraction,omitempty"` // of the data
	Attacks   []string      `json:"attacks,omitempty"`
	Grid      []string      `json:"grid,omitempty"` // optimisers and learning rates
	Epochs    int           `json:"epochs,omitempty"`
	Batch     int           `json:"batch,omitempty"`
	TimeLimit time.Duration `json:"time_limit,omitempty"`
}

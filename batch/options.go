package batch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/wire"
)

// Options say what to do with a model. Zero values stand for the defaults of the
// steps. manifest.schema.json describes each field.
type Options struct {
	Steps  []string `yaml:"steps"`
	Output string   `yaml:"output"`
	Key    string   `yaml:"key"`
	Report *string  `yaml:"report"`
	Seal   Seal     `yaml:"seal"`
	Data   Data     `yaml:"data"`
	Verify Verify   `yaml:"verify"`
	Attack Attack   `yaml:"attack"`

	Profile        string   `yaml:"profile"`
	Share          share    `yaml:"share"`
	SealScales     bool     `yaml:"seal_scales"`
	Samples        *int     `yaml:"samples"`
	TargetAccuracy accuracy `yaml:"target_accuracy"`
	MaxParams      int      `yaml:"max_params"`
	TimeLimit      duration `yaml:"time_limit"`
	Include        []string `yaml:"include"`
	Exclude        []string `yaml:"exclude"`
	Bounds         string   `yaml:"bounds"`
	AllowPartial   bool     `yaml:"allow_partial"`

	Timeout duration `yaml:"timeout"`
	Memory  Size     `yaml:"memory"`
	Retries int      `yaml:"retries"`
}

// Seal says whom keys are sealed for.
type Seal struct {
	Recipients      []string `yaml:"recipients"`
	RecipientsFiles []string `yaml:"recipients_files"`
	Passphrase      bool     `yaml:"passphrase"`
	Plain           bool     `yaml:"plain"`
}

// Data says which samples to take and how to prepare them.
type Data struct {
	Path  string  `yaml:"path"`
	Split string  `yaml:"split"`
	Limit int     `yaml:"limit"`
	Seed  *uint64 `yaml:"seed"`
	// Preset is a usual way to prepare images, Preprocess what differs from it, and Classes
	// the names of the classes in the model's order.
	Preset     string               `yaml:"preset"`
	Preprocess advparams.Preprocess `yaml:",inline"`
	Classes    []string             `yaml:"classes"`
	Labels     string               `yaml:"labels"`
	Task       string               `yaml:"task"`
	Output     string               `yaml:"output"`
}

// Verify says how to verify.
type Verify struct {
	Data       Data     `yaml:"data"` // what differs from Options.Data
	Identities []string `yaml:"identities"`
}

// Attack says how to attack the locked model.
type Attack struct {
	Data      Data     `yaml:"data"` // what differs from Options.Data
	Test      Test     `yaml:"test"`
	Fraction  float64  `yaml:"fraction"`
	Attacks   []string `yaml:"attacks"`
	Grid      []string `yaml:"grid"`
	Epochs    int      `yaml:"epochs"`
	Batch     int      `yaml:"batch"`
	TimeLimit duration `yaml:"time_limit"`
	Key       bool     `yaml:"key"`
}

// Test says which samples attacked models are measured on.
type Test struct {
	Path  string `yaml:"path"`
	Limit int    `yaml:"limit"`
}

// steps are the steps of a job in the order in which they are done.
var steps = []string{wire.StepProtect, wire.StepVerify, wire.StepAttack}

// usualSteps are done if the manifest names none. Attacks are left out because
// they take far longer than everything else.
var usualSteps = []string{wire.StepProtect, wire.StepVerify}

// does reports whether a step is wanted.
func (o *Options) does(step string) bool {
	return slices.Contains(o.Steps, step)
}

// opens reports whether the key can be opened, so that verify can check it.
func (o *Options) opens() bool {
	return o.Seal.Plain || o.Seal.Passphrase || len(o.Verify.Identities) > 0
}

// verifyData returns the samples to verify with.
func (o *Options) verifyData() Data { return o.Data.but(o.Verify.Data) }

// attackData returns the attacker's samples.
func (o *Options) attackData() Data { return o.Data.but(o.Attack.Data) }

// testPath returns the path of the samples that attacked models are measured on.
func (o *Options) testPath() string {
	if o.Attack.Test.Path != "" {
		return o.Attack.Test.Path
	}
	return o.verifyData().Path
}

// but returns the data for a step, given what differs from the data of the
// search. Verifying and attacking have parts of the data of their own, so split,
// limit and seed of the search do not carry over.
func (d Data) but(step Data) Data {
	d.Split, d.Limit, d.Seed = step.Split, step.Limit, step.Seed
	if step.Path != "" {
		d.Path = step.Path
	}
	if step.Preset != "" {
		d.Preset, d.Preprocess = step.Preset, step.Preprocess
	} else {
		d.Preprocess = step.Preprocess.Over(d.Preprocess)
	}
	if step.Classes != nil {
		d.Classes = step.Classes
	}
	if step.Labels != "" {
		d.Labels = step.Labels
	}
	if step.Task != "" {
		d.Task = step.Task
	}
	if step.Output != "" {
		d.Output = step.Output
	}
	return d
}

// duration is a positive time, written like 90s or 1h30m.
type duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err == nil && v <= 0 {
		err = fmt.Errorf("%s is not more than 0", n.Value)
	}
	*d = duration(v)
	return err
}

// share is a part of a whole, written in percent or as a number up to 1.
type share float64

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *share) UnmarshalYAML(n *yaml.Node) error {
	text, percent := strings.CutSuffix(n.Value, "%")
	v, err := strconv.ParseFloat(text, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		return fmt.Errorf("line %d: %s is not a share such as 0.5%% or 0.005", n.Line, n.Value)
	}
	*s = share(v)
	return nil
}

// accuracy is between 0 and 1. 0 stands for the accuracy of chance.
type accuracy float64

// UnmarshalYAML implements yaml.Unmarshaler.
func (a *accuracy) UnmarshalYAML(n *yaml.Node) error {
	if n.Value == "chance" {
		*a = 0
		return nil
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	if err != nil || !(v > 0 && v < 1) {
		return fmt.Errorf("line %d: %s is not an accuracy between 0 and 1, or chance", n.Line, n.Value)
	}
	*a = accuracy(v)
	return nil
}

// Size is a number of bytes.
type Size int64

// ParseSize reads a positive number of bytes, such as 512MiB, 4GiB or 1000000.
func ParseSize(s string) (Size, error) {
	number, unit := s, int64(1)
	for suffix, value := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			number, unit = n, value
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is not a size such as 512MiB or 4GiB", s)
	}
	return Size(n * unit), nil
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Size) UnmarshalYAML(n *yaml.Node) (err error) {
	*s, err = ParseSize(n.Value)
	return err
}

// String returns the size in the unit that reads best.
func (s Size) String() string {
	for _, u := range []struct {
		name  string
		bytes Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(s)/float64(u.bytes), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", int64(s))
}

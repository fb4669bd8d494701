package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/wire"
)

// maxManifest is the size in bytes beyond which a file is not taken for a manifest.
const maxManifest = 64 << 20

// Manifest is what Load read: entries with the defaults filled in.
type Manifest struct {
	path    string
	entries []entry
}

// entry is one element of models.
type entry struct {
	line    int
	Path    string   `yaml:"path"`
	Except  []string `yaml:"except"`
	Options `yaml:",inline"`
}

// Options say what to do to a model. Zero values leave the choice to the
// commands. manifest.schema.json describes each field.
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
	Budget         share    `yaml:"budget"`
	Samples        *int     `yaml:"samples"`
	TargetAccuracy accuracy `yaml:"target_accuracy"`
	MaxParams      int      `yaml:"max_params"`
	Include        []string `yaml:"include"`
	Exclude        []string `yaml:"exclude"`
	Bounds         string   `yaml:"bounds"`
	AllowPartial   bool     `yaml:"allow_partial"`

	Timeout duration `yaml:"timeout"`
	Memory  Size     `yaml:"memory"`
	Retries int      `yaml:"retries"`
}

// Seal says for whom keys are sealed.
type Seal struct {
	Recipients      []string `yaml:"recipients"`
	RecipientsFiles []string `yaml:"recipients_files"`
	Passphrase      bool     `yaml:"passphrase"`
	Plain           bool     `yaml:"plain"`
}

// Data says which samples to take.
type Data struct {
	Path   string    `yaml:"path"`
	Split  string    `yaml:"split"`
	Limit  int       `yaml:"limit"`
	Seed   *uint64   `yaml:"seed"`
	Mean   []float32 `yaml:"mean"`
	Std    []float32 `yaml:"std"`
	Labels string    `yaml:"labels"`
	Task   string    `yaml:"task"`
	Output string    `yaml:"output"`
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

// Test says what attacked models are measured on.
type Test struct {
	Path  string `yaml:"path"`
	Limit int    `yaml:"limit"`
}

type duration time.Duration

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

// accuracy is between 0 and 1; 0 stands for that of chance.
type accuracy float64

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

// ParseSize reads a number of bytes such as 512MiB, 4GiB or 1000000.
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

func (s *Size) UnmarshalYAML(n *yaml.Node) (err error) {
	*s, err = ParseSize(n.Value)
	return err
}

// String writes a size as people read it.
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

// Load reads a manifest, in YAML or JSON, and checks it against the schema.
// Errors name the file and the line.
func Load(path string) (*Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxManifest {
		return nil, &ManifestError{Manifest: baseOf(path), Err: fmt.Errorf("it has more than %v", Size(maxManifest))}
	}
	// Relative paths in a manifest mean the same wherever the command is run.
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	return read(path, text)
}

// LoadObject is Load for a manifest in object storage. Relative paths in it start
// from its folder there.
func LoadObject(ctx context.Context, store objects.Store, url string) (*Manifest, error) {
	text, _, err := store.Read(ctx, url)
	if err != nil {
		return nil, err
	}
	return read(objects.Clean(url), text)
}

func read(path string, text []byte) (*Manifest, error) {
	m, err := parse(path, text)
	if err != nil {
		return nil, &ManifestError{Manifest: baseOf(path), Err: err}
	}
	return m, nil
}

// Path returns the absolute path of the manifest, or its URL.
func (m *Manifest) Path() string { return m.path }

func parse(path string, text []byte) (*Manifest, error) {
	root, err := document(text)
	if err != nil {
		return nil, err
	}
	if err := validate(root); err != nil {
		return nil, err
	}
	m := &Manifest{path: path}
	defaults := valueOf(root, "defaults")
	for _, n := range valueOf(root, "models").Content {
		e := entry{line: n.Line}
		if n.Kind == yaml.ScalarNode {
			n = &yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "path"}, n}}
		}
		if err := overlay(defaults, n).Decode(&e); err != nil {
			return nil, plainYAML(err)
		}
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", e.line, e.Path, err)
		}
		m.entries = append(m.entries, e)
	}
	return m, nil
}

// document parses text into the mapping at its top. Aliases and merge keys are
// refused: defaults do what they are used for, and neither cycles nor documents
// that unfold to gigabytes can then exist.
func document(text []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty")
		}
		return nil, plainYAML(err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document")
	}
	root := doc.Content[0]
	return root, checkNodes(root)
}

// checkNodes refuses what has no counterpart in JSON, and keys given twice.
func checkNodes(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode, n.Anchor != "":
		return advise(fmt.Errorf("line %d: anchors and aliases are not supported", n.Line), "what models have in common goes under defaults")
	case n.Kind == yaml.MappingNode:
		seen := map[string]bool{}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return fmt.Errorf("line %d: a key has to be a name", key.Line)
			}
			if seen[key.Value] {
				return fmt.Errorf("line %d: %q is given twice", key.Line, key.Value)
			}
			seen[key.Value] = true
		}
	}
	for _, c := range n.Content {
		if err := checkNodes(c); err != nil {
			return err
		}
	}
	return nil
}

// valueOf returns the value of a key of a mapping; nil if there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// merged are the options whose mappings are merged key by key.
var merged = []string{"data", "verify", "attack", "test"}

// overlay returns the mapping over with what only base has. Those in merged are
// merged key by key; of everything else over's value counts, so that a model's
// seal does not add to the usual recipients.
func overlay(base, over *yaml.Node) *yaml.Node {
	if base == nil {
		return over
	}
	both := *over
	both.Content = nil
	for i := 0; i < len(base.Content); i += 2 {
		if valueOf(over, base.Content[i].Value) == nil {
			both.Content = append(both.Content, base.Content[i], base.Content[i+1])
		}
	}
	for i := 0; i < len(over.Content); i += 2 {
		key, value := over.Content[i], over.Content[i+1]
		if slices.Contains(merged, key.Value) {
			if usual := valueOf(base, key.Value); usual != nil {
				value = overlay(usual, value)
			}
		}
		both.Content = append(both.Content, key, value)
	}
	return &both
}

// check finds what the schema cannot see, since defaults and model are checked
// apart from each other there, and fills in what follows from other fields.
func (e *entry) check() error {
	if len(e.Steps) == 0 {
		e.Steps = usualSteps
	}
	protects := e.does(wire.StepProtect)
	public := len(e.Seal.Recipients)+len(e.Seal.RecipientsFiles) > 0
	sealed := 0
	for _, s := range []bool{public, e.Seal.Passphrase, e.Seal.Plain} {
		if s {
			sealed++
		}
	}
	switch {
	case e.Data.Path == "" && (protects || e.does(wire.StepVerify) && e.Verify.Data.Path == "" || e.does(wire.StepAttack) && e.Attack.Data.Path == ""):
		return errors.New("it has no data, nor have the defaults")
	case protects && sealed == 0:
		return advise(errors.New("nobody to seal the key for"), "give seal, with recipients, recipients_files, passphrase or plain")
	case sealed > 1:
		return errors.New("in seal, recipients, passphrase and plain exclude one another")
	}
	if e.does(wire.StepAttack) {
		if err := e.checkAttack(); err != nil {
			return err
		}
	}
	for _, path := range e.Verify.Identities {
		if objects.IsURL(path) {
			return advise(fmt.Errorf("the identity %s is in object storage", path), "identities have to be files: they open every key")
		}
	}
	return nil
}

// checkAttack finds what the attack command would refuse for every model.
func (e *entry) checkAttack() error {
	data, test := e.attackData(), e.testPath()
	switch {
	case data.Labels == "model":
		return advise(errors.New("labels: model is of no use to attack, since the attacker does not have the original model"),
			"give attack a data of its own, with labels: data")
	case test == "":
		return errors.New("attack has no test data")
	case test == data.Path && slices.Contains([]string{".npz", ".csv"}, strings.ToLower(filepath.Ext(test))):
		return advise(fmt.Errorf("attack would train and measure on the same samples, %s", test), "give attack.test.path, or verify.data.path")
	case e.Attack.Key && !e.opens():
		return advise(errors.New("attack.key needs the key, which nothing opens"), "give verify.identities")
	}
	return nil
}

// plainYAML strips the name of the library from its errors.
func plainYAML(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	return errors.New(text)
}

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
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/wire"
)

// maxManifest is the largest size of a manifest in bytes.
const maxManifest = 64 << 20

// Manifest is a manifest with the defaults filled in.
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

// Load reads a manifest, in YAML or JSON, and checks it. Mistakes are a
// *ManifestError that names the lines.
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
	// Relative paths in a manifest start from its folder, not from the working
	// directory.
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	return read(path, text)
}

// LoadObject is Load for a manifest in object storage. Relative paths start from the
// folder of the object.
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

// document parses text and returns the mapping at its top. It refuses aliases and
// merge keys: defaults serve the same purpose, and documents with cycles or that
// unfold to gigabytes cannot be written without them.
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

// checkNodes refuses what has no counterpart in JSON, and keys that are given twice.
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

// merged names the options whose mappings are merged key by key.
var merged = []string{"data", "verify", "attack", "test"}

// overlay returns the mapping over, with the keys of base that it lacks. Values of
// the keys in merged are merged in turn. Every other value of over replaces that of
// base, so that the seal of a model does not add to the default recipients.
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

// check finds mistakes that the schema cannot find, since it checks defaults and
// models separately. It fills in the default steps.
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
	encrypts := e.Profile == "sealed"
	switch {
	case e.Data.Path == "" && (protects && !encrypts || e.does(wire.StepAttack) && e.Attack.Data.Path == ""),
		e.Data.Path == "" && e.does(wire.StepVerify) && e.Verify.Data.Path == "" && !(encrypts && e.opens()):
		err := errors.New("it has no data, nor have the defaults")
		if encrypts && protects {
			return advise(err, "sealed models can be verified without data if the key can be opened: give verify.identities, or steps: [protect]")
		}
		return err
	case e.Share != 0 && !encrypts:
		return errors.New("share is for profile: sealed")
	case e.SealScales && !encrypts:
		return errors.New("seal_scales is for profile: sealed")
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

// checkAttack finds options that the step would refuse for every model.
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

// plainYAML removes the name of the YAML library from its errors.
func plainYAML(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	return errors.New(text)
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/verify"
)

type inspect struct {
	app        *app
	file       string
	open       openFlags
	passphrase bool
	secrets    bool
	output     string
}

func newInspect(a *app) *cobra.Command {
	n := &inspect{app: a}
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Describe a model or a key",
		Long: `Describe a model: operator sets, inputs and outputs, its operators and whether each
can be computed and differentiated, its initializers, and what should be looked at
before the file is handed on.

Or describe a key: whom it is sealed to and, if it can be opened, which files it
belongs to and how many parameters were changed; --secrets shows where they are.`,
		Example: `  advparams inspect model.onnx
  advparams inspect model.key -i me.txt`,
		RunE: func(_ *cobra.Command, args []string) error {
			n.file = args[0]
			return n.run()
		},
	}
	operand(cmd, "the file", "onnx", "key")
	n.open.register(cmd)
	outputFlag(cmd, &n.output, "show the operators that the model's output `NAME` is computed with; of all outputs if left out")
	cmd.Flags().BoolVar(&n.passphrase, "passphrase", false, "open a key that is sealed with a passphrase")
	cmd.Flags().BoolVar(&n.secrets, "secrets", false, "show the tensors and positions of the changes in a key that can be opened")
	return cmd
}

func (n *inspect) run() error {
	f, err := os.Open(n.file)
	if err != nil {
		return err
	}
	head := make([]byte, 64)
	size, err := io.ReadFull(f, head)
	f.Close()
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	if isKey(head[:size]) {
		return n.key()
	}
	return n.model()
}

// isKey tells a key from a model by its first bytes.
func isKey(head []byte) bool {
	text := strings.TrimLeft(string(head), " \t\r\n")
	for _, intro := range []string{"advparams plain key", "age-encryption.org/", "-----BEGIN AGE ENCRYPTED FILE-----"} {
		if strings.HasPrefix(text, intro) {
			return true
		}
	}
	return false
}

// keyResult is what inspect prints for a key. The part that is inside the seal is
// null while it is closed.
type keyResult struct {
	File       string   `json:"file"`
	Kind       string   `json:"kind"`
	Sealed     bool     `json:"sealed"`
	Armored    bool     `json:"armored"`
	Size       int64    `json:"bytes"`
	Recipients []string `json:"recipients"`
	Content    *content `json:"content"`
}

type content struct {
	Tool           string        `json:"tool"`
	Created        string        `json:"created,omitempty"`
	Profile        string        `json:"profile,omitempty"`
	ParamsTotal    int64         `json:"params_total,omitempty"`
	ParamsChanged  int64         `json:"params_changed"`
	Samples        int64         `json:"samples,omitempty"`
	Accuracy       float64       `json:"accuracy_before,omitempty"`
	LockedAccuracy float64       `json:"accuracy_locked,omitempty"`
	Files          []keyFile     `json:"files"`
	Changes        []tensorPatch `json:"changes,omitempty"`
}

type keyFile struct {
	Original fileResult `json:"original"`
	Locked   fileResult `json:"locked"`
}

type tensorPatch struct {
	Tensor  string  `json:"tensor"`
	Indices []int64 `json:"indices"`
}

func (n *inspect) key() error {
	data, err := os.ReadFile(n.file)
	if err != nil {
		return err
	}
	info, err := key.Inspect(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", n.file, err)
	}
	r := keyResult{File: n.file, Kind: "key", Sealed: info.Sealed, Armored: info.Armored, Size: info.Size, Recipients: info.Recipients}
	if !info.Sealed || n.passphrase || len(n.open.identities) > 0 {
		k, err := n.open.unseal(n.app, n.file, data, info)
		if err != nil {
			return err
		}
		r.Content = n.content(k)
	} else if n.secrets {
		return usagef("--secrets needs an opened key: give -i or --passphrase")
	}
	return n.app.result(r, r.text)
}

func (n *inspect) content(k *key.Key) *content {
	s := k.Summary
	c := &content{
		Tool: k.Tool, Profile: s.Profile, ParamsTotal: s.Parameters,
		Samples: s.Samples, Accuracy: s.Accuracy, LockedAccuracy: s.LockedAccuracy,
	}
	if !k.Created.IsZero() {
		c.Created = k.Created.UTC().Format("2006-01-02T15:04:05Z")
	}
	for _, f := range k.Record.Files {
		c.Files = append(c.Files, keyFile{
			Original: fileResult{f.Name, f.Size, fmt.Sprintf("%x", f.SHA256)},
			Locked:   fileResult{f.LockedName, f.LockedSize, fmt.Sprintf("%x", f.LockedSHA256)},
		})
	}
	for _, p := range k.Record.Patches {
		c.ParamsChanged += int64(len(p.Indices))
		if n.secrets {
			c.Changes = append(c.Changes, tensorPatch{p.Tensor, p.Indices})
		}
	}
	return c
}

func (r *keyResult) text(w io.Writer) {
	seal := "not sealed: whoever has it can unlock"
	if r.Sealed {
		seal = "sealed to " + strings.Join(r.Recipients, ", ")
	}
	fmt.Fprintf(w, "%s\tkey, %s bytes, %s\n", oneLine(r.File), verify.Thousands(r.Size), oneLine(seal))
	c := r.Content
	if c == nil {
		fmt.Fprintf(w, "\topen it with -i IDENTITY or --passphrase to see more\n")
		return
	}
	fmt.Fprintf(w, "made by\t%s, %s\n", oneLine(c.Tool), c.Created)
	fmt.Fprintf(w, "changed\t%s of %s parameters, profile %s\n", verify.Thousands(c.ParamsChanged), verify.Thousands(c.ParamsTotal), oneLine(c.Profile))
	if c.Samples > 0 && c.Accuracy > 0 { // which not every task has
		fmt.Fprintf(w, "accuracy\t%.2f %% → %.2f %% on %s samples\n", 100*c.Accuracy, 100*c.LockedAccuracy, verify.Thousands(c.Samples))
	}
	for _, f := range c.Files {
		fmt.Fprintf(w, "original\t%s\t%s bytes\tsha256 %s\n", oneLine(f.Original.Name), verify.Thousands(f.Original.Size), f.Original.SHA256)
		fmt.Fprintf(w, "locked\t%s\t%s bytes\tsha256 %s\n", oneLine(f.Locked.Name), verify.Thousands(f.Locked.Size), f.Locked.SHA256)
	}
	for _, p := range c.Changes {
		fmt.Fprintf(w, "in %s\t%v\n", oneLine(p.Tensor), p.Indices)
	}
}

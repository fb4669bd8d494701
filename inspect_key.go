package advparams

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
)

// KeyInfo describes a key. In JSON it is what advparams inspect --json prints.
type KeyInfo struct {
	File       string      `json:"file"`
	Kind       string      `json:"kind"` // key
	Sealed     bool        `json:"sealed"`
	Armored    bool        `json:"armored"`
	Size       int64       `json:"bytes"`
	Recipients []string    `json:"recipients"` // their types
	Content    *KeyContent `json:"content"`    // nil while the key is closed
}

// KeyContent is what a key says when it is opened.
type KeyContent struct {
	Tool           string          `json:"tool"`
	Created        string          `json:"created,omitempty"` // in RFC 3339
	Profile        string          `json:"profile,omitempty"`
	ParamsTotal    int64           `json:"params_total,omitempty"`
	ParamsChanged  int64           `json:"params_changed"`
	Samples        int64           `json:"samples,omitempty"` // that the accuracies were measured on
	Accuracy       float64         `json:"accuracy_before,omitempty"`
	LockedAccuracy float64         `json:"accuracy_locked,omitempty"`
	MadeUp         bool            `json:"made_up,omitempty"`    // the samples were: no real data was seen
	Preprocess     *Preprocess     `json:"preprocess,omitempty"` // how images were prepared
	Files          []KeyFileEntry  `json:"files"`
	Steps          []KeyStep       `json:"steps,omitempty"`   // of a sealed model, in the order of unlocking
	Changes        []TensorIndices `json:"changes,omitempty"` // with InspectOptions.Secrets
}

// KeyStep is one of the steps from the locked files back to the original.
type KeyStep struct {
	// Kind is "changes", for elements and byte ranges that are put back, or "keystream",
	// for tensors that are decrypted.
	Kind     string         `json:"kind"`
	Elements int64          `json:"elements"`          // that are put back or decrypted
	Splices  int            `json:"splices"`           // byte ranges that are put back
	Tensors  []SealedTensor `json:"tensors,omitempty"` // of a keystream
}

// SealedTensor is a tensor that is decrypted, or a part of one.
type SealedTensor struct {
	Name     string `json:"name"`
	File     string `json:"file"` // by its original name
	Elements string `json:"kind"` // what they are, as docs/key-format.md calls it
	Count    int64  `json:"count"`
}

// KeyFileEntry is a file of a model before and after locking.
type KeyFileEntry struct {
	Original FileDigest `json:"original"`
	Locked   FileDigest `json:"locked"`
}

// TensorIndices are the changed elements of an initializer, in row-major order.
type TensorIndices struct {
	Tensor  string  `json:"tensor"`
	Indices []int64 `json:"indices"`
}

func (o *InspectOptions) key() (*KeyInfo, error) {
	source := o.Key
	source.Path, source.From = o.Path, nil
	data, info, err := source.read()
	if err != nil {
		return nil, err
	}
	r := &KeyInfo{File: o.Path, Kind: "key", Sealed: info.Sealed, Armored: info.Armored, Size: info.Size, Recipients: info.Recipients}
	switch {
	case !info.Sealed || source.Passphrase != nil || len(source.Identities) > 0:
		k, err := source.open(data)
		if err != nil {
			return nil, err
		}
		r.Content = describeKey(&k.Key, o.Secrets)
	case o.Secrets:
		return nil, optionf("Secrets", "they are in an opened key, and nothing is there to open it with")
	}
	return r, nil
}

func describeKey(k *key.Key, secrets bool) *KeyContent {
	s := k.Summary
	c := &KeyContent{
		Tool: k.Tool, Profile: s.Profile, ParamsTotal: s.Parameters,
		Samples: s.Samples, Accuracy: s.Accuracy, LockedAccuracy: s.LockedAccuracy, MadeUp: s.MadeUp,
	}
	if p, err := preprocessOf(k.Summary); err == nil && !p.IsZero() {
		c.Preprocess = &p
	}
	if !k.Created.IsZero() {
		c.Created = k.Created.UTC().Format("2006-01-02T15:04:05Z")
	}
	for _, f := range k.Record.Files {
		c.Files = append(c.Files, KeyFileEntry{
			Original: FileDigest{f.Name, f.Size, fmt.Sprintf("%x", f.SHA256)},
			Locked:   FileDigest{f.LockedName, f.LockedSize, fmt.Sprintf("%x", f.LockedSHA256)},
		})
	}
	for _, step := range k.Record.Steps {
		c.Steps = append(c.Steps, describeStep(&k.Record, &step))
	}
	if len(c.Steps) > 0 {
		c.ParamsChanged = s.Changed
	}
	for _, p := range k.Record.Patches {
		c.ParamsChanged += int64(p.Indices.Len())
		if secrets {
			c.Changes = append(c.Changes, TensorIndices{p.Tensor, slices.Collect(p.Indices.All())})
		}
	}
	return c
}

func describeStep(r *onnxio.Record, s *onnxio.Step) KeyStep {
	one := KeyStep{Kind: "changes", Splices: len(s.Splices)}
	for i := range s.Patches {
		one.Elements += int64(s.Patches[i].Indices.Len())
	}
	if s.Keystream != nil {
		one.Kind = "keystream"
		for i := range s.Keystream.Ranges {
			t := &s.Keystream.Ranges[i]
			one.Elements += t.Tensor.Count
			one.Tensors = append(one.Tensors, SealedTensor{t.Name, r.Files[t.File].Name, t.Tensor.Kind.String(), t.Tensor.Count})
		}
	}
	return one
}

package advparams

import (
	"encoding/json"
	"fmt"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/key"
)

// Images mean nothing to a model that was trained on others, so what protect was told of
// preparing them is kept in the key.

// PresetNames returns the names of usual ways to prepare images.
func PresetNames() []string { return dataset.PresetNames() }

// Preset returns a usual way to prepare images by its name.
func Preset(name string) (Preprocess, error) { return dataset.Preset(name) }

// ReadPreprocess reads a YAML file with the fields of Preprocess (docs/preprocessing.md).
func ReadPreprocess(path string) (Preprocess, error) { return dataset.ReadPreprocess(path) }

// ReadClasses reads the names of classes in their order from a text or JSON file.
func ReadClasses(path string) ([]string, error) { return dataset.ReadClasses(path) }

// preprocessOf returns how the key says that images were prepared.
func preprocessOf(s key.Summary) (p Preprocess, err error) {
	if s.Preprocess == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(s.Preprocess), &p); err != nil {
		return Preprocess{}, fmt.Errorf("preprocessing in the key: %w", err)
	}
	if err := p.Check(); err != nil {
		return Preprocess{}, fmt.Errorf("preprocessing in the key: %w", err)
	}
	return p, nil
}

// adopt makes d prepare images as the key says, but for what it says itself. What a newer version wrote and
// this one cannot read is left out, and said.
func adopt(d *Data, s key.Summary, see feedback.Observer) {
	kept, err := preprocessOf(s)
	if err != nil {
		see.Notify(NoticePreprocess, "%v: say how images are prepared", err)
		return
	}
	if !d.Preprocess.Applies(d.Path) {
		kept = Preprocess{ClassNames: kept.ClassNames} // values are there as the model takes them
	}
	if d.Path == "" || kept.IsZero() {
		return
	}
	told := d.Preprocess
	d.Preprocess = told.Over(kept)
	switch {
	case !d.Preprocess.Equal(kept):
		see.Notify(NoticePreprocess, "images are prepared otherwise than for the lock: %v, not %v", d.Preprocess, kept)
	case told.IsZero():
		see.Notify(NoticeData, "images are prepared as the key says: %v", kept)
	}
}

package advparams

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/advparams/advparams/onnxio"
)

// InspectOptions are the options of Inspect. Path is required.
type InspectOptions struct {
	// Path is a model or a key.
	Path string
	// Output limits the operators listed to those that compute this output; "" means
	// all.
	Output string
	// Key has the Identities or the Passphrase that open a sealed key; without, the key
	// stays closed. Its Path and From are ignored.
	Key KeyFile
	// Secrets adds the positions of the changes to the description of an opened key.
	Secrets bool
}

// Inspection describes a model or a key; the other one is nil.
type Inspection struct {
	Model *ModelInfo
	Key   *KeyInfo
}

// Inspect describes a model or a key, whichever the file is. It computes nothing.
func Inspect(ctx context.Context, opt InspectOptions) (i *Inspection, err error) {
	defer onnxio.Faults(&err)()
	i, err = inspect(ctx, &opt)
	return i, interrupted(ctx, err)
}

func inspect(ctx context.Context, opt *InspectOptions) (i *Inspection, err error) {
	if opt.Path == "" {
		return nil, optionf("Path", "there is no file")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	is, err := isKey(opt.Path)
	if err != nil {
		return nil, err
	}
	i = &Inspection{}
	if is {
		i.Key, err = opt.key()
	} else {
		i.Model, err = opt.model()
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

// isKey tells a key from a model by its first bytes.
func isKey(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	text := strings.TrimLeft(string(head[:n]), " \t\r\n")
	for _, intro := range []string{"advparams plain key", "age-encryption.org/", "-----BEGIN AGE ENCRYPTED FILE-----"} {
		if strings.HasPrefix(text, intro) {
			return true, nil
		}
	}
	return false, nil
}

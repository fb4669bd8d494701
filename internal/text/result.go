package text

import (
	"bytes"
	"encoding/json"
	"io"
	"text/tabwriter"

	"github.com/advparams/advparams/internal/printable"
)

// Result writes v as one JSON object, or else what text writes, with its columns aligned. It
// writes at once.
func Result(w io.Writer, asJSON bool, v any, text func(w io.Writer)) error {
	var b bytes.Buffer
	if asJSON {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return err
		}
		_, err := w.Write(printable.JSON(b.Bytes()))
		return err
	}
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	text(columns)
	if err := columns.Flush(); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

package text

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/advparams/advparams/internal/columns"
	"github.com/advparams/advparams/internal/printable"
)

// Result writes v as one JSON object, or else what text writes, with its columns aligned and at
// most width columns wide; a width of 0 has no end. It writes at once.
func Result(w io.Writer, width int, asJSON bool, v any, text func(w io.Writer)) error {
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
	text(&b)
	_, err := io.WriteString(w, columns.Format(b.String(), width))
	return err
}

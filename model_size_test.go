package advparams

import (
	"strings"
	"testing"

	"github.com/advparams/advparams/onnxio"
)

// TestTooLarge warns of models that protobuf does not read.
func TestTooLarge(t *testing.T) {
	for size, warns := range map[int64]bool{1 << 20: false, 1<<31 - 1: false, 1 << 31: true, 5 << 30: true} {
		text := tooLarge(&onnxio.File{Path: "m.onnx", Size: size})
		if (text != "") != warns {
			t.Errorf("%d bytes: %q", size, text)
		}
		if warns && !strings.Contains(text, "m.onnx has ") {
			t.Errorf("%d bytes: %q", size, text)
		}
	}
	if n := (Notice{Kind: NoticeSize}); !n.Warning() {
		t.Error("the notice is no warning")
	}
}

package batch

import (
	"testing"

	"github.com/advparams/advparams/internal/doctest"
)

func TestFileMap(t *testing.T) { doctest.Files(t, ".") }

package advparams_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/models"
)

// TestEvidence: reports of the demo's model show where each figure comes from, and the
// result has the same.
func TestEvidence(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := models.Install(".", false); err != nil {
		t.Fatal(err)
	}
	opt := protectHere(advparams.Data{Path: "data", Limit: 400})
	opt.Model = models.ModelFile
	opt.Report = "lock.html"
	p, err := advparams.Protect(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	e := p.Evidence
	if e == nil || p.Page != "lock.html" || e.Profile != "minimal" || e.Samples != 400 || len(e.Worth) == 0 || len(e.Settings) == 0 || e.Machine.Threads < 1 {
		t.Fatalf("%+v", e)
	}
	if got := e.Models[0].Metrics[0]; len(e.Models) != 2 || got.Value != *p.Accuracy.Before || *got.Low >= got.Value || *got.High != 1 {
		t.Errorf("%+v", e.Models)
	}
	points := e.Steps.Points
	if last := points[len(points)-1]; e.Steps.Order != "search" || points[0].Changed != 0 || points[0].Value != *p.Accuracy.Before || last.Changed != p.ParamsChanged || last.Value != *p.Accuracy.Locked {
		t.Errorf("%+v", e.Steps)
	}
	elements, changed := 0, 0
	for _, one := range e.Tensors {
		elements, changed = elements+one.Elements, changed+one.Changed
		if (one.Histogram != nil) != (one.Changed > 0) || one.Changed > 0 && len(one.Histogram.Values) != one.Changed {
			t.Errorf("%+v", one)
		}
	}
	if elements != p.ParamsTotal || changed != p.ParamsChanged || e.Tensors[0].Name != "stem.weight" || e.Tensors[0].Operator != "Conv" {
		t.Errorf("%d elements, %d changed, in %+v", elements, changed, e.Tensors)
	}
	right, all := 0, 0
	for k, row := range e.Confusion.Locked {
		right += row[k]
		for _, n := range row {
			all += n
		}
	}
	if all != 400 || float64(right)/400 != *p.Accuracy.Locked {
		t.Errorf("%d of %d on the diagonal", right, all)
	}
	if one := e.Examples[0]; len(e.Examples) != 8 || one.By != "class" || one.Label == nil || !bytes.HasPrefix(one.View.Picture, []byte("\x89PNG")) {
		t.Errorf("%+v", one)
	}
	if len(e.Files) != 2 || e.Files[0].SHA256.String() != p.SHA256.Original {
		t.Errorf("%+v", e.Files)
	}

	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Locked: "locked.onnx", Key: advparams.KeyFile{Path: "model.key"}, Data: opt.Data, Report: "verify.html"})
	if err != nil {
		t.Fatal(err)
	}
	e = v.Evidence
	names := ""
	for _, m := range e.Models {
		names += m.Name + " "
	}
	if names != "locked unlocked " || e.Profile != "minimal" || e.Steps == nil || e.Steps.Order != "graph" || v.Changed != int64(p.ParamsChanged) {
		t.Errorf("%s, %+v", names, e)
	}
	text, err := json.Marshal(v)
	if err != nil || !strings.Contains(string(text), `"evidence":{`) || strings.Contains(string(text), "Picture") {
		t.Errorf("%.300s, %v", text, err)
	}

	// Without a report nothing is gathered.
	v, err = advparams.Verify(t.Context(), advparams.VerifyOptions{Locked: "locked.onnx", Key: advparams.KeyFile{Path: "model.key"}, Data: opt.Data})
	if err != nil || v.Evidence != nil {
		t.Errorf("%+v, %v", v, err)
	}
	opt.Locked, opt.Key = "other.onnx", "other.key"
	if _, err := advparams.Protect(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "lock.html exists") {
		t.Errorf("the report is replaced: %v", err)
	}
}

// TestEvidenceSealed: a report of a sealed model compares distributions where there are
// samples, and does without them.
func TestEvidenceSealed(t *testing.T) {
	data, _ := locked(t)
	for _, d := range []advparams.Data{data, {}} {
		opt := protectHere(d)
		var page bytes.Buffer
		opt.Profile, opt.Locked, opt.Key, opt.ReportTo = advparams.Sealed, "sealed.onnx", "sealed.key", &page
		p, err := advparams.Protect(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		for _, one := range p.Evidence.Tensors {
			changed += one.Changed
		}
		given := d.Samples != nil
		if (len(p.Evidence.Models) == 2) != given || (p.Evidence.Tensors[0].Histogram != nil) != given || changed == 0 || !strings.Contains(page.String(), "are encrypted") {
			t.Errorf("%+v", p.Evidence)
		}
		if strings.Contains(page.String(), "Confidential") {
			t.Error("a page that says nothing of a seed is marked")
		}
		os.Remove("sealed.onnx")
		os.Remove("sealed.key")
	}
}

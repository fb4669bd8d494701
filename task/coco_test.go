package task

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestCOCO: the mean average precision is that of pycocotools (testdata/coco.py).
func TestCOCO(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "coco.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Objects, Found [][]float64 // image, class, corner and size; whether it is a crowd, or score
		Map50, Map     float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		rectangle := func(r []float64) box {
			return box{float32(r[2]), float32(r[3]), float32(r[2] + r[4]), float32(r[3] + r[5])}
		}
		var objects []labelled
		for _, r := range c.Objects {
			objects = append(objects, labelled{int(r[0]), object{int(r[1]), r[6] == 1, rectangle(r)}})
		}
		var found []scored
		for _, r := range c.Found {
			found = append(found, scored{int(r[0]), detection{int(r[1]), float32(r[6]), rectangle(r)}})
		}
		tally := &detectionTally{objects: objects, found: found}
		s := tally.Score()
		if at50, all := s.Metrics[0].Value, s.Metrics[1].Value; math.Abs(at50-c.Map50) > 1e-6 || math.Abs(all-c.Map) > 1e-6 {
			t.Errorf("case %d: mAP %.6f and %.6f, pycocotools finds %.6f and %.6f", i, at50, all, c.Map50, c.Map)
		}
	}
}

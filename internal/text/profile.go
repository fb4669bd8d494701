package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/advparams/advparams"
)

// longestLayers is the number of single layers that a profile lists.
const longestLayers = 12

func profile(w io.Writer, p *advparams.BenchProfile) {
	line(w, "")
	line(w, "peak %.1f billion multiply-adds and %.1f GB a second", p.Peaks.GigaMultiplyAdds, p.Peaks.Gigabytes)
	for _, list := range []struct {
		name string
		rows []advparams.ProfileRow
	}{{"operator", p.Operators}, {"longest layers", p.Layers[:min(len(p.Layers), longestLayers)]}} {
		line(w, "")
		line(w, "%s\tpass\truns\tms\tshare\t%% of multiply-adds\t%% of memory", list.name)
		for _, r := range list.rows {
			name, pass, products := r.Operator, "forward", "–"
			if r.Gradient {
				pass = "gradient"
			}
			if len(r.Shape) > 0 {
				name += " " + strings.Join(strings.Fields(fmt.Sprint(r.Shape)), ",")
			}
			if r.MultiplyAdds > 0 {
				products = fmt.Sprintf("%.0f", 100*r.OfMultiplyAdds)
			}
			line(w, "%s\t%s\t%d\t%.2f\t%.1f %%\t%s\t%.0f", name, pass, r.Runs, r.Milliseconds, 100*r.Share, products, 100*r.OfBytes)
		}
	}
}

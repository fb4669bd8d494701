package browser

import (
	"context"
	"encoding/json"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// start starts Chromium, or skips the test.
func start(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("there is no Chromium on the path")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(2*time.Minute))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	return ctx
}

// watched collects what a page asks for and complains about.
type watched struct {
	mu       sync.Mutex
	requests []string
	errors   []string
}

func watch(ctx context.Context, own string) (*watched, error) {
	w := &watched{}
	return w, chromedp.Listen(ctx, func(event any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; u != own && !strings.HasPrefix(u, "data:") {
				w.requests = append(w.requests, u)
			}
		case *log.EventEntryAdded:
			w.errors = append(w.errors, e.Entry.Text)
		case *runtime.EventExceptionThrown:
			w.errors = append(w.errors, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			w.errors = append(w.errors, string(e.Type))
		}
	})
}

// looks are the ways in which pages are looked at.
var looks = []struct {
	name          string
	width, height int64
	media, scheme string
}{
	{"light", 1000, 800, "screen", "light"},
	{"dark", 1000, 800, "screen", "dark"},
	{"phone", 390, 844, "screen", "light"},
	{"phone-dark", 390, 844, "screen", "dark"},
	{"print", 794, 1123, "print", "light"},
}

// TestReports: every page loads nothing, has no error, fits its window and can be read, and
// each figure on it is that of the JSON output.
func TestReports(t *testing.T) {
	ctx := start(t)
	shots := os.Getenv("ADVPARAMS_SCREENSHOTS")
	if shots != "" {
		var err error
		if shots, err = filepath.Abs(shots); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(shots, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range reports(t, t.TempDir()) {
		t.Run(one.name, func(t *testing.T) { look(t, ctx, one, shots) })
	}
}

func look(t *testing.T, parent context.Context, one made, shots string) {
	ctx, cancel := chromedp.NewContext(parent)
	defer cancel()
	own := (&url.URL{Scheme: "file", Path: one.path}).String()
	w, err := watch(ctx, own)
	if err == nil {
		_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	}
	if err == nil {
		err = chromedp.Do(ctx, chromedp.Navigate(own))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range looks {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 500})
		if err == nil {
			_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: l.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}})
		}
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		found, err := chromedp.Run(ctx, chromedp.Evaluate[findings](inspect))
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		if found.Width > float64(l.width) {
			t.Errorf("%s: the page is %v pixels wide in a window of %d: %s", l.name, found.Width, l.width, strings.Join(found.Wide, ", "))
		}
		if found.Texts < 40 {
			t.Errorf("%s: only %d texts were looked at", l.name, found.Texts)
		}
		for _, p := range found.Pale {
			t.Errorf("%s: contrast %.2f of %q: %s on %s", l.name, p.Contrast, p.Text, p.Colour, p.Ground)
		}
		for _, cut := range found.Cut {
			t.Errorf("%s: the table %q is cut", l.name, cut)
		}
		for _, missing := range found.Unlabelled {
			t.Errorf("%s: %s without a title, a description or a text", l.name, missing)
		}
		if shots != "" {
			if err := os.WriteFile(filepath.Join(shots, one.name+"-"+l.name+".png"), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if shots != "" && one.name == "classifier" {
		picture(t, ctx, filepath.Join(shots, "report.png"))
	}
	if one.result == nil {
		sorted(t, ctx)
	} else {
		figures(t, ctx, one.result)
	}
	printed(t, ctx, one.name, shots)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.requests)+len(w.errors) > 0 {
		t.Errorf("requests %q, errors %q", w.requests, w.errors)
	}
}

// picture takes the picture of README.md: the top of a page, as on a screen.
func picture(t *testing.T, ctx context.Context, path string) {
	_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 860, Height: 940, DeviceScaleFactor: 1})
	if err == nil {
		_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// findings are what the script inspect returns.
type findings struct {
	Width float64  // of the page, in pixels
	Wide  []string // elements that stick out
	Texts int      // that were looked at
	Pale  []struct {
		Text, Colour, Ground string
		Contrast             float64
	}
	Unlabelled []string // pictures
	Cut        []string // tables that have to be scrolled
}

// inspect computes the contrast of every text with what is behind it as WCAG 2 does.
const inspect = `(() => {
	const found = {Width: document.documentElement.scrollWidth, Wide: [], Texts: 0, Pale: [], Unlabelled: [], Cut: []};
	const channels = text => (text.match(/[\d.]+/g) || []).map(Number);
	const over = (top, below) => { const a = top.length > 3 ? top[3] : 1; return [0, 1, 2].map(i => a * top[i] + (1 - a) * below[i]); };
	const luminance = c => { const l = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
	const ground = element => {
		const layers = [];
		for (let e = element; e; e = e.parentElement) layers.push(channels(getComputedStyle(e).backgroundColor));
		return layers.reverse().reduce((below, top) => top.length < 3 ? below : over(top, below), [255, 255, 255]);
	};
	const closed = [...document.querySelectorAll('details:not([open])')];
	for (const d of closed) d.open = true;
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node; node = walker.nextNode();) {
		const text = node.textContent.trim(), element = node.parentElement;
		if (!text || element.closest('title, desc, script, style, .hidden')) continue;
		const style = getComputedStyle(element);
		if (style.visibility === 'hidden' || !element.getClientRects().length) continue;
		found.Texts++;
		const back = ground(element), colour = over(channels(element.closest('svg') ? style.fill : style.color), back);
		const [a, b] = [luminance(colour), luminance(back)].sort((x, y) => y - x);
		const contrast = (a + 0.05) / (b + 0.05);
		if (!(contrast >= 4.5)) found.Pale.push({Text: text.slice(0, 40), Colour: colour.join(), Ground: back.join(), Contrast: contrast});
	}
	found.Width = document.documentElement.scrollWidth;
	for (const e of document.body.querySelectorAll('*')) {
		if (e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, .hidden')) found.Wide.push(e.tagName + '.' + (e.className.baseVal ?? e.className));
	}
	found.Wide = found.Wide.slice(0, 5);
	for (const e of document.querySelectorAll('svg[role=img]')) if (!e.querySelector('title')?.textContent || !e.querySelector('desc')?.textContent) found.Unlabelled.push('svg');
	for (const e of document.querySelectorAll('img')) if (!e.alt || !e.complete || !e.naturalWidth) found.Unlabelled.push('img ' + e.alt);
	for (const e of document.querySelectorAll('.scroll')) if (e.scrollWidth > e.clientWidth + 1 && !e.querySelector('.dense')) found.Cut.push(e.getAttribute('aria-label'));
	for (const d of closed) d.open = false;
	return found;
})()`

// sorted sorts the index of a batch by the advantage of attacks, up and down.
func sorted(t *testing.T, ctx context.Context) {
	const press = `(() => {
		const button = [...document.querySelectorAll('th button')].find(b => b.textContent === 'advantage');
		button.click();
		return [...document.querySelectorAll('tbody tr')].map(r => r.querySelector('[data-label=advantage]').textContent);
	})()`
	for _, want := range [][2]string{{"–", "+80.20"}, {"+80.20", "–"}} {
		list, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](press))
		if err != nil || len(list) != 5 || list[0] != want[0] || list[4] != want[1] {
			t.Errorf("sorted: %q, %v", list, err)
		}
	}
}

// figure is a number on a page.
type figure struct{ Value, Path, Form, Text string }

// figures compares the numbers of a page with the JSON output, as they are marked and as
// they read.
func figures(t *testing.T, ctx context.Context, result []byte) {
	list, err := chromedp.Run(ctx, chromedp.Evaluate[[]figure](`[...document.querySelectorAll('data')].map(d => ({Value: d.value, Path: d.dataset.json, Form: d.dataset.form, Text: d.textContent}))`))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Errorf("the page has %d figures", len(list))
	}
	var root any
	if err := json.Unmarshal(result, &root); err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		want, ok := at(root, f.Path)
		got, err := strconv.ParseFloat(f.Value, 64)
		if err != nil || !ok || got != want {
			t.Errorf("%s is %v in the JSON output and %s on the page", f.Path, want, f.Value)
			continue
		}
		shown, digits := reading(f.Text)
		scale := map[string]float64{"percent": 100, "points": 100, "bound": 100, "share": 100}[f.Form]
		if scale == 0 {
			scale = 1
		}
		if slack := 0.5001*digits + 1e-4*math.Abs(shown)*float64(strings.Count(f.Form, "short")+strings.Count(f.Form, "share")); math.Abs(shown-scale*want) > slack+1e-9 {
			t.Errorf("%s reads %q, but is %v", f.Path, f.Text, want)
		}
	}
}

// at returns the number at a path of a JSON value.
func at(v any, path string) (float64, bool) {
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(x) {
				return 0, false
			}
			v = x[i]
		}
	}
	x, ok := v.(float64)
	return x, ok
}

// reading returns the number that a text shows, and what its last digit stands for.
func reading(text string) (x, digit float64) {
	number, _, _ := strings.Cut(strings.ReplaceAll(text, ",", ""), "\u00a0")
	x, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return math.NaN(), 0
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	_, decimals, _ := strings.Cut(mantissa, ".")
	e, _ := strconv.Atoi(exponent)
	return x, math.Pow(10, float64(e-len(decimals)))
}

// printed prints the page as a PDF.
func printed(t *testing.T, ctx context.Context, name, shots string) {
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPrintBackground(), chromedp.PDFPreferCSSPageSize()))
	if err != nil || !strings.HasPrefix(string(pdf), "%PDF-") || len(pdf) < 10_000 {
		t.Fatalf("a PDF of %d bytes: %v", len(pdf), err)
	}
	if shots != "" {
		if err := os.WriteFile(filepath.Join(shots, name+".pdf"), pdf, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

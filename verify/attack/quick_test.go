package attack
import ("testing";"context";"time";"encoding/json";"github.com/advparams/advparams/gradient")
func TestQuick(t *testing.T){
 lock, orig, train, test := locked(t, 600)
 w,_ := gradient.LoadWeights(orig)
 s:=time.Now()
 r, err := Run(context.Background(), lock, train, test, Options{Epochs:2, Original: w, Grid: []Optimiser{{Rule:"adam",Rate:0.002}}, Progress: func(p Progress){ if p.Result!=nil { b,_:=json.Marshal(p.Result); t.Logf("%v %s", time.Since(s), b)}}})
 if err!=nil{t.Fatal(err)}
 r.Attacks=nil
 b,_:=json.Marshal(r); t.Logf("%s",b)
}

// Package platform runs all of Orderloom in this process: the embedded stack and, told nothing but its
// addresses, the product in the role all.
//
//	p, err := platform.Start(ctx, platform.Options{Data: ".data", Log: log})
//	if err != nil {
//		return err
//	}
//	defer p.Stop(ctx)
//	fmt.Println(p.APIURL)
//
// Settings of the product that the environment gives are used. The others have defaults for one machine. These are
// the sandbox gateway with its ledger in the data directory, two locations, and a master key made once for the data.
package platform

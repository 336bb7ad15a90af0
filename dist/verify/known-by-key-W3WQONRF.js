import"./chunk-LVBFF522.js";var I={image:"sha256:6a79e53294b326d521991b68ad5a4e8335a81ca3bbe68f7dc3ea23276839b2a7",key:`-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECgfQHStX6/jjuPssuw3MEIb1co9j
8QJOKYIRiW2xcWQRIEY5KN/GqlflN5/7THra5+0uEb4pmKt7UV9F8PLiQQ==
-----END PUBLIC KEY-----
`,bundle:{mediaType:"application/vnd.dev.sigstore.bundle.v0.3+json",verificationMaterial:{publicKey:{hint:"M1T1PDeX4dHtDDPX2jGscAky1kwiBLQhUwPLmtjro9k="}},dsseEnvelope:{payload:"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiNmE3OWU1MzI5NGIzMjZkNTIxOTkxYjY4YWQ1YTRlODMzNWE4MWNhM2JiZTY4ZjdkYzNlYTIzMjc2ODM5YjJhNyJ9LCJhbm5vdGF0aW9ucyI6e319XSwicHJlZGljYXRlVHlwZSI6Imh0dHBzOi8vc2lnc3RvcmUuZGV2L2Nvc2lnbi9zaWduL3YxIiwicHJlZGljYXRlIjp7fX0=",payloadType:"application/vnd.in-toto+json",signatures:[{sig:"MEYCIQD8adg24w/MphSMCPt6BazIhBQf+pR1up/BWV/CifyIOQIhALRAoIJxLqP2au1aBrKL4aKHEHiMetkvT/synIOIZ2H+"}]}}};export{I as default};

/** Keys that cosign itself made for these tests, with the password below; they guard nothing. */
export const recordedPassword = 's3cret-pass word';

/** `cosign generate-key-pair`, cosign 2.5.0 */
export const cosign2 = {
  key: `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiIxWkVzSytlckF5L1NhU05yTFJxL3lmQ2Z5QVIzVzJ0
WkRweFo2N3puYWtNPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJkMjAxOFZBUm41RHhTRU1JS1BZcFZxZm85NXhLVktQciJ9LCJj
aXBoZXJ0ZXh0IjoiME5xRDI0Q1loOElUa2dBKzRCWFV1VmhNenZWLzFrR1JUUWpn
djdwQkdBdUNKbE5UZ3doclkrQUo4bXlWZWZzVGVXZFU3ODNuWWYxSEl6TjZ0MlJP
RThnbEdoRmV1dEQxcWxLa2MzbGVVV0NWa1ZTNWUzc2xtbGxNQXRWK01vZU04bmhL
dkdIMFpxcHU4bEw4UmFvQ2s0aWFaZGNyMUQ4cXpQQTBRdnl2cVFJcGE2bHRVWHY1
NC9sTTROOWxTMWp6TGFYdDZ0UlZCYXlLU2c9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`,
  pub: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtO8aV8DqH9ltJJNvefiJB3X8wgbe
Ji241zk1VZLTKGfAcUP52DiiRTvhmo8Lyj4gajbKat+NeVivYJm8AP/M5w==
-----END PUBLIC KEY-----
`,
};

/** `cosign generate-key-pair`, cosign 3.1.1 */
export const cosign3 = {
  key: `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJDU2RLMVk4cDhyeGNXditpNlRXZU9CVHNwZDdIOFhh
SUt2OEpPM3lqMzVJPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiIxUzZ0TUk2YmJBeUtEN1NEUGlzRTREekpSKyt3bG1ETCJ9LCJj
aXBoZXJ0ZXh0IjoiZWdSSkExc29qNm1QOW91K1ZSRnV0d1VRVmh3aC8xZkJuSXY5
N1hBN3hSSjhQYzBnNlNJTERhaFpLMnV1ajhHWGd5dDIrR2hHUW9wRkViTG5nZno1
UE1COUdXaFI4WkJFakQ3VHljL012VzMrNmpkYmpDdm5CbHlDSDVMdS9IKytNekVK
UVlZVXB1elQvVVhKNkRIS2l6SjEwZnpPNlhNSkNWTTRWSEdnWlUzU2VRdG5WcEEx
SXRrN2xyRWpJR3pkdW9MNWMzNzhvL0ZaSVE9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`,
  pub: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqnUg3CXQVgUQ/jDM69LW2dGME2Kt
67gfd0B1RG8j/EqYH+th5QgFMUFzcAUV1gs5i/s/3kKcKwZJZbKU84MImQ==
-----END PUBLIC KEY-----
`,
};

/** `openssl pkcs8 -topk8 -v2 aes-256-cbc` */
export const opensslPkcs8 = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh81/JtrdjTtwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEF2kbQ8fEPoMWvrPK9HUzXEEgZBn
14+WFEvjnVjoccR2YGVbg1CgoNYZATuw2LtYJt4ehxpK/4HL054KU4tGgwGPtsA6
lGYR1BB5ovs2f39XY3CngmfBg9SyiU1+8wVPKw+3s4NTNNxd3QJ3/Lv94HDuwHiA
ABjOSO1dPSxdk18Pk3KmaWr3RgKarcrppkp7mXGH2ebZ5fzIV2pKIntSUPlx5l8=
-----END ENCRYPTED PRIVATE KEY-----
`;

/** `openssl ec -aes128`: OpenSSL's encryption from before PKCS #8 */
export const opensslLegacy = `-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,42312BBE184A697DF360A7A623D41050

l0QBWLrUHHF6N5PnWftBZburQYLclA8LCbKrWr3+VR1UVEcNT8B28XoC6YQyzp5v
LCSD+ovdch8isBmfYqQ6D2/sfn8cZc0Lhe3S1kstIZAd1/nsh9AgvjhQkpBCaoYT
bxhB2lLICo3QbvKddKFG8lI7ko23GwZ0yjCOZauW598=
-----END EC PRIVATE KEY-----
`;

/** `openssl ecparam -genkey`, which writes the curve in front of the key */
export const opensslWithParameters = `-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIKcY4vd2NNfRQ3G/NgUEwajD/aVAYN+UcAXn+22URiNjoAoGCCqGSM49
AwEHoUQDQgAE7W/wYF+cWBs5Av3GytOXBkIhBQCaTZ9GRdW6hHfHVqJjwtUwddFm
xJgIt+Lnn1DLxcC2BhVQwKsN79UTn55j1Q==
-----END EC PRIVATE KEY-----
`;

/**
 * `echo hunter2 | cosign generate-key-pair`, cosign 2.5.0: its password is `hunter2` and a line
 * break.
 */
export const cosignEcho = {
  key: `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJGMm1ZbDhiTVFwNUJPVVYyM254TlNXVTlIZ0h0Tk10
UHNrOWFNQ1U5dVdRPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJOUEZGVEs3ZzlGSDBya3BsQWxaK0RvUCttS2IzcXZETiJ9LCJj
aXBoZXJ0ZXh0IjoiUWtTZmxCWlVoR0owb0dDbnRLd1Nabzh6dEhWams3YTBSRThz
K1NvT1dkSTVDcHl6VkV4TDYzeUZWbW9FR2UvL2JiTnFicnlzYlFWWW1LdStkYjlt
Slc2aXlEb0JZSUU1dFFyeGNjdWxsNHAyYXJ1a2ZXSkJ5NnE2WTN2a0N5NEliU3pB
OXRnMEZwQnl5ZnN2dU44NXB4TVNyUmRTdkFpVFVDWndhenFPSWM1alFZblVxRjV6
SmNBazJRS3FaTjlhaVhxV3cycmhuc3JiV2c9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`,
  pub: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXXpnZd9Ri0NRQX5zMb+9sgztGcAG
CLZfMy/mIxDhuaTCKl8/xMXRsRmIbFn/kXNj2RX/knFxRuEDtYCaNh+K8g==
-----END PUBLIC KEY-----
`,
  password: 'hunter2',
};

import{d as a,e as b,f as c,g as d,h as e,i as f}from"./chunk-S3LFXR32.js";export{d as __TESTS,a as hsalsa,b as salsa20,f as secretbox,c as xsalsa20,e as xsalsa20poly1305};

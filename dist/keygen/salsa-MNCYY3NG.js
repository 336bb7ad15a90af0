import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{e as a,f as b,g as c,h as d,i as e,j as f}from"./chunk-S2LDIVGC.js";export{d as __TESTS,a as hsalsa,b as salsa20,f as secretbox,c as xsalsa20,e as xsalsa20poly1305};

import{a,b,c,d,e,f}from"./chunk-RGDRYNJC.js";import"./chunk-Z2KY255D.js";export{d as __TESTS,a as hsalsa,b as salsa20,f as secretbox,c as xsalsa20,e as xsalsa20poly1305};

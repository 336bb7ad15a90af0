export{c11_a as a,c11_b as b,c11_c as c}from"../sign.js";

export{c2_a as a,c2_b as b,c2_c as c}from"../sign.js";

export{c5_a as a,c5_b as b,c5_c as c,c5_d as d,c5_e as e,c5_f as f}from"../sign.js";
